# How everything is compiled: the language, warnings, hardening, sanitizers.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# -O1 for development: tests run long loops. gcc's "maybe uninitialized" guesses
# wrong at this level, so only release builds ask for it.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
endif()

# The same objects go into libweft.a and libweft.so, and programs are PIE.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(WEFT_CCACHE ccache)
if(WEFT_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER ${WEFT_CCACHE})
endif()

# What every target of ours links to, and no user of weft inherits.
# No -fcf-protection: Boost.Context 1.74 switches stacks without telling a
# shadow stack.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes
    -Wstrict-prototypes -Wvla
    # With what counting adds, gcc guesses otherwise at lengths.
    $<$<NOT:$<BOOL:${WEFT_COVERAGE}>>:-Werror>
    $<$<AND:$<CONFIG:Debug>,$<C_COMPILER_ID:GNU>>:-Wno-maybe-uninitialized>
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=none
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
target_compile_definitions(weft_warnings INTERFACE
    $<$<BOOL:${WEFT_SLOW_CHECKS}>:WF_SLOW_CHECKS>)
target_link_options(weft_warnings INTERFACE -Wl,-z,relro,-z,now)

# Everywhere, the programs of tests too: code with and without does not mix.
# -g1: their reports need lines only, and all is compiled and linked faster.
if(WEFT_SANITIZE)
    add_compile_options(-g1)
    add_compile_options(-fsanitize=${WEFT_SANITIZE}
        -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${WEFT_SANITIZE})
endif()

# Hundreds of programs of tests: gold takes a third of the time for each. What
# users get is linked as their system does it.
include(CheckLinkerFlag)
check_linker_flag(C -fuse-ld=gold WEFT_HAS_GOLD)
if(WEFT_HAS_GOLD)
    add_link_options($<$<CONFIG:Debug>:-fuse-ld=gold>)
endif()

# One branch for each condition of the source, counted right by threads too.
if(WEFT_COVERAGE)
    add_compile_options(--coverage -O0 -fprofile-update=atomic)
    add_link_options(--coverage)
endif()
