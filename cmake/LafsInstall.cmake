# cmake --install and find_package(lafs).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

if(PROJECT_IS_TOP_LEVEL)
    set(package_folder "${CMAKE_INSTALL_DATADIR}/cmake/lafs")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
    install(TARGETS lafs lafs_native EXPORT lafsTargets)
    install(EXPORT lafsTargets NAMESPACE lafs:: DESTINATION "${package_folder}")
    configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/lafsConfig.cmake.in"
        "${PROJECT_BINARY_DIR}/lafsConfig.cmake" INSTALL_DESTINATION "${package_folder}")
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/lafsConfigVersion.cmake"
        COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
    install(FILES "${PROJECT_BINARY_DIR}/lafsConfig.cmake" "${PROJECT_BINARY_DIR}/lafsConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/lafsComponents.cmake" DESTINATION "${package_folder}")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/presets" DESTINATION "${CMAKE_INSTALL_DATADIR}/lafs")
    install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
endif()
