// See first.cpp.
#include <typeinfo>

#include <lafs/lafs.hpp>

const std::type_info& error_type_of_second() {
    return typeid(lafs::Error);
}
