// See first.cpp.
#include <lafs/lafs.hpp>
#include <typeinfo>

const std::type_info& error_type_of_second() {
    return typeid(lafs::Error);
}
