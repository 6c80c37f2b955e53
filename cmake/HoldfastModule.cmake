# A room of the house is a folder. Its files say their role by suffix:
#   x.cc x.h      the library of the room
#   x_test.cc     unit tests, all in one program per room
#   x_fuzz.cc     a fuzz target: libFuzzer in the fuzz preset, else a replay of tests/corpus/<x>/
#   x_bench.cc    a micro-benchmark, built as a program of its own
# holdfast_room(NAME LINKS targets...) declares the current folder. Linking is the dependency rule:
# a room sees only the headers of what it links.

add_library(hf_flags INTERFACE)
target_compile_options(hf_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wno-sign-conversion
  -Wno-missing-field-initializers -Werror)
target_include_directories(hf_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(hf_flags INTERFACE HF_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # g++ does not warn of these with -Wextra; clang's fuzz builds should not be stricter than the rest.
  # It also warns of a deprecated function that g++ 12's own std::stable_sort calls.
  target_compile_options(hf_flags INTERFACE -Wno-shorten-64-to-32 -Wno-implicit-int-float-conversion
                         -Wno-deprecated-declarations)
endif()
if(HF_SANITIZE)
  # The vptr check opens a pipe to look at memory, so it fails where descriptors run out.
  target_compile_options(hf_flags INTERFACE
    -fsanitize=${HF_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
  target_link_options(hf_flags INTERFACE -fsanitize=${HF_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 sees ghosts in instrumented code, and does not know fences under tsan.
    target_compile_options(hf_flags INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()
if(HF_FUZZ)
  target_compile_options(hf_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(HF_CCACHE ccache)
if(HF_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HF_CCACHE})
endif()
find_program(HF_MOLD mold)
if(HF_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(Threads REQUIRED)

function(holdfast_room name)
  cmake_parse_arguments(ROOM "" "" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  file(GLOB tests CONFIGURE_DEPENDS *_test.cc)
  file(GLOB fuzzers CONFIGURE_DEPENDS *_fuzz.cc)
  file(GLOB benches CONFIGURE_DEPENDS *_bench.cc)
  list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/main.cc ${tests} ${fuzzers} ${benches})

  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC hf_flags Threads::Threads ${ROOM_LINKS})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)

  if(HF_TESTS AND tests AND NOT HF_FUZZ)
    add_executable(${name}_test ${tests} ${CMAKE_SOURCE_DIR}/tests/unit_main.cc)
    target_link_libraries(${name}_test PRIVATE ${name})
    add_test(NAME unit.${name} COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()

  if(HF_TESTS)
    foreach(file IN LISTS fuzzers)
      get_filename_component(stem ${file} NAME_WE)
      string(REGEX REPLACE "_fuzz$" "" stem ${stem})
      if(HF_FUZZ)
        add_executable(fuzz_${stem} ${file})
        target_link_options(fuzz_${stem} PRIVATE -fsanitize=fuzzer)
      else()
        add_executable(fuzz_${stem} ${file} ${CMAKE_SOURCE_DIR}/tests/fuzz_replay_main.cc)
      endif()
      target_link_libraries(fuzz_${stem} PRIVATE ${name})
      add_test(NAME fuzz.${stem} COMMAND fuzz_${stem} -runs=0 ${CMAKE_SOURCE_DIR}/tests/corpus/${stem})
      set_tests_properties(fuzz.${stem} PROPERTIES LABELS fuzz TIMEOUT 300)
    endforeach()
  endif()
endfunction()
