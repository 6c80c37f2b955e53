// SPDX-License-Identifier: Apache-2.0
//
// The languages, fastest kinds first. All do the same work: open hello.txt, read it, write it to
// standard output.
#include "hellomark/languages/languages.h"

namespace hellomark {
namespace {

constexpr std::string_view kFilled = "10,000 bytes, all written";
constexpr std::string_view kZeroed = "10,000 bytes, zeroed by the language";
constexpr std::string_view kString = "a string of 10,000 bytes, built anew";

constexpr Language kC{
    .name = "C",
    .packages = "gcc libc6-dev",
    .needs = "gcc",
    .version = "gcc --version",
    .hello_compile = "gcc -O2 -o {dir}/hello-c {dir}/hello/hello.c",
    .hello_run = "{dir}/hello-c",
    .alloc_compile = "gcc -O2 -o {dir}/alloc-c {dir}/alloc/alloc.c",
    .alloc_run = "{dir}/alloc-c",
    .work = kFilled,
};

constexpr Language kJava{
    .name = "Java",
    .packages = "default-jdk-headless",
    .needs = "java javac",
    .version = "java -version",
    .hello_compile = "javac -d {dir} {dir}/hello/Hello.java",
    .hello_run = "java -cp {dir} Hello",
    .alloc_compile = "javac -d {dir} {dir}/alloc/Alloc.java",
    .alloc_run = "java -cp {dir} Alloc",
    .work = kZeroed,
    .cycles = true,
};

/// A row of Java that differs by its flags and takes part in hello only.
constexpr Language java_with(std::string_view name, std::string_view run) {
  Language language = kJava;
  language.name = name;
  language.hello_run = run;
  language.alloc_run = {};
  return language;
}

constexpr Language kLanguages[] = {
    {
        .name = "C, static",
        .packages = "gcc libc6-dev",
        .needs = "gcc",
        .version = "gcc --version",
        .hello_compile = "gcc -O2 -static -o {dir}/hello-static {dir}/hello/hello.c",
        .hello_run = "{dir}/hello-static",
    },
    kC,
    {
        .name = "C++",
        .packages = "g++",
        .needs = "g++",
        .version = "g++ --version",
        .hello_compile = "g++ -O2 -o {dir}/hello-cc {dir}/hello/hello.cc",
        .hello_run = "{dir}/hello-cc",
        .alloc_compile = "g++ -O2 -std=c++17 -o {dir}/alloc-cc {dir}/alloc/alloc.cc",
        .alloc_run = "{dir}/alloc-cc",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "C under valgrind",
        .packages = "gcc libc6-dev valgrind",
        .needs = "gcc valgrind",
        .version = "valgrind --version",
        .hello_compile = "gcc -O2 -o {dir}/hello-c {dir}/hello/hello.c",
        .hello_run = "valgrind -q {dir}/hello-c",
    },
    {
        .name = "Rust",
        .packages = "rustc",
        .needs = "rustc",
        .version = "rustc --version",
        .hello_compile = "rustc -O -o {dir}/hello-rs {dir}/hello/hello.rs",
        .hello_run = "{dir}/hello-rs",
        .alloc_compile = "rustc -O -o {dir}/alloc-rs {dir}/alloc/alloc.rs",
        .alloc_run = "{dir}/alloc-rs",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "Go",
        .packages = "golang-go",
        .needs = "go",
        .version = "go version",
        .hello_compile =
            "GOCACHE={dir}/go GO111MODULE=off go build -o {dir}/hello-go {dir}/hello/hello.go",
        .hello_run = "{dir}/hello-go",
        .alloc_compile =
            "GOCACHE={dir}/go GO111MODULE=off go build -o {dir}/alloc-go {dir}/alloc/alloc.go",
        .alloc_run = "{dir}/alloc-go",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "Fortran",
        .packages = "gfortran",
        .needs = "gfortran",
        .version = "gfortran --version",
        .hello_compile = "gfortran -O2 -o {dir}/hello-f90 {dir}/hello/hello.f90",
        .hello_run = "{dir}/hello-f90",
    },
    {
        .name = "Ada",
        .packages = "gnat",
        .needs = "gnatmake",
        .version = "gnatmake --version",
        .hello_compile = "cd {dir} && gnatmake -q -O2 -o hello-ada ./hello/hello.adb",
        .hello_run = "{dir}/hello-ada",
    },
    {
        .name = "Pascal",
        .packages = "fp-compiler",
        .needs = "fpc",
        .version = "fpc -iV",
        .hello_compile = "fpc -O2 -o{dir}/hello-pas {dir}/hello/hello.pas",
        .hello_run = "{dir}/hello-pas",
    },
    {
        .name = "OCaml",
        .packages = "ocaml-nox",
        .needs = "ocamlopt",
        .version = "ocamlopt -version",
        .hello_compile = "ocamlopt -o {dir}/hello-ml {dir}/hello/hello.ml",
        .hello_run = "{dir}/hello-ml",
        .alloc_compile = "ocamlopt -o {dir}/alloc-ml {dir}/alloc/alloc.ml",
        .alloc_run = "{dir}/alloc-ml",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "Haskell (GHC)",
        .packages = "ghc",
        .needs = "ghc",
        .version = "ghc --version",
        .hello_compile = "ghc -v0 -O -outputdir {dir}/hs -o {dir}/hello-hs {dir}/hello/hello.hs",
        .hello_run = "{dir}/hello-hs",
        .alloc_compile =
            "ghc -v0 -O -outputdir {dir}/hs-alloc -o {dir}/alloc-hs {dir}/alloc/alloc.hs",
        .alloc_run = "{dir}/alloc-hs",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "sh (dash)",
        .packages = "dash",
        .needs = "dash",
        .version = "dpkg-query -W -f 'dash ${Version}' dash",
        .hello_run = "dash {dir}/hello/hello.sh",
    },
    {
        .name = "bash",
        .packages = "bash",
        .needs = "bash",
        .version = "bash --version",
        .hello_run = "bash {dir}/hello/hello.sh",
    },
    {
        .name = "awk (mawk)",
        .packages = "mawk",
        .needs = "mawk",
        .version = "mawk -W version",
        .hello_run = "mawk -f {dir}/hello/hello.awk",
    },
    {
        .name = "awk (gawk)",
        .packages = "gawk",
        .needs = "gawk",
        .version = "gawk --version",
        .hello_run = "gawk -f {dir}/hello/hello.awk",
    },
    {
        .name = "Lua",
        .packages = "lua5.4",
        .needs = "lua5.4",
        .version = "lua5.4 -v",
        .hello_run = "lua5.4 {dir}/hello/hello.lua",
        .alloc_run = "lua5.4 {dir}/alloc/alloc.lua",
        .work = kString,
        .cycles = true,
    },
    {
        .name = "LuaJIT",
        .packages = "luajit",
        .needs = "luajit",
        .version = "luajit -v",
        .hello_run = "luajit {dir}/hello/hello.lua",
        .alloc_run = "luajit {dir}/alloc/alloc.lua",
        .work = kString,
        .cycles = true,
    },
    {
        .name = "Perl",
        .packages = "perl",
        .needs = "perl",
        .version = "perl -e 'print \"perl $^V\"'",
        .hello_run = "perl {dir}/hello/hello.pl",
        .alloc_run = "perl {dir}/alloc/alloc.pl",
        .work = "a string of 10,000 bytes, zeroed",
        .cycles = true,
    },
    {
        .name = "Tcl",
        .packages = "tcl",
        .needs = "tclsh",
        .version = "echo 'puts \"Tcl [info patchlevel]\"' | tclsh",
        .hello_run = "tclsh {dir}/hello/hello.tcl",
        .alloc_run = "tclsh {dir}/alloc/alloc.tcl",
        .work = kString,
    },
    {
        .name = "SBCL",
        .packages = "sbcl",
        .needs = "sbcl",
        .version = "sbcl --version",
        .hello_run = "sbcl --script {dir}/hello/hello.lisp",
        .alloc_run = "sbcl --script {dir}/alloc/alloc.lisp",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "Guile",
        .packages = "guile-3.0",
        .needs = "guile",
        .version = "guile --version",
        .hello_compile = "guile -c '((@ (system base compile) compile-file) "
                         "\"{dir}/hello/hello.scm\" #:output-file \"{dir}/hello-scm.go\")'",
        .hello_run = "guile -c '(load-compiled \"{dir}/hello-scm.go\")'",
        .alloc_compile = "guile -c '((@ (system base compile) compile-file) "
                         "\"{dir}/alloc/alloc.scm\" #:output-file \"{dir}/alloc-scm.go\")'",
        .alloc_run = "guile -c '(load-compiled \"{dir}/alloc-scm.go\")'",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "Python",
        .packages = "python3",
        .needs = "python3",
        .version = "python3 --version",
        .hello_run = "python3 {dir}/hello/hello.py",
        .alloc_run = "python3 {dir}/alloc/alloc.py",
        .work = kZeroed,
        .cycles = true,
    },
    {
        .name = "PyPy",
        .packages = "pypy3",
        .needs = "pypy3",
        .version = "pypy3 -c 'import platform; print(\"PyPy\", platform.python_version())'",
        .hello_run = "pypy3 {dir}/hello/hello.py",
        .alloc_run = "pypy3 {dir}/alloc/alloc.py",
        .work = kZeroed,
        .cycles = true,
    },
    {
        .name = "Jython",
        .packages = "jython",
        .needs = "jython java",
        .version = "dpkg-query -W -f 'Jython ${Version}' jython",
        .hello_run = "jython {dir}/hello/hello.py",
        .alloc_run = "jython {dir}/alloc/alloc.py",
        .work = kZeroed,
        .cycles = true,
    },
    {
        .name = "PHP",
        .packages = "php-cli",
        .needs = "php",
        .version = "php --version",
        .hello_run = "php {dir}/hello/hello.php",
        .alloc_run = "php {dir}/alloc/alloc.php",
        .work = kString,
        .cycles = true,
    },
    {
        .name = "Ruby",
        .packages = "ruby",
        .needs = "ruby",
        .version = "ruby --version",
        .hello_run = "ruby {dir}/hello/hello.rb",
        .alloc_run = "ruby {dir}/alloc/alloc.rb",
        .work = kString,
        .cycles = true,
    },
    {
        .name = "Node",
        .packages = "nodejs",
        .needs = "node",
        .version = "node --version",
        .hello_run = "node {dir}/hello/hello.js",
        .alloc_run = "node {dir}/alloc/alloc.js",
        .work = kFilled,
        .cycles = true,
    },
    {
        .name = "Mono",
        .packages = "mono-mcs mono-runtime",
        .needs = "mcs mono",
        .version = "mono --version",
        .hello_compile = "mcs -out:{dir}/hello.exe {dir}/hello/hello.cs",
        .hello_run = "mono {dir}/hello.exe",
        .alloc_compile = "mcs -out:{dir}/alloc.exe {dir}/alloc/alloc.cs",
        .alloc_run = "mono {dir}/alloc.exe",
        .work = kZeroed,
        .cycles = true,
    },
    kJava,
    java_with("Java, no sharing", "java -Xshare:off -cp {dir} Hello"),
    java_with("Java, serial GC", "java -XX:+UseSerialGC -cp {dir} Hello"),
    java_with("Java, first tier", "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp {dir} Hello"),
    {
        .name = "Prolog",
        .packages = "swi-prolog-nox",
        .needs = "swipl",
        .version = "swipl --version",
        .hello_run = "swipl {dir}/hello/hello.prolog",
    },
    {
        .name = "Erlang",
        .packages = "erlang-base",
        .needs = "erl erlc",
        .version = "dpkg-query -W -f 'Erlang ${Version}' erlang-base",
        .hello_compile = "erlc -o {dir} {dir}/hello/hello.erl",
        .hello_run = "erl -noshell -pa {dir} -s hello main",
        .alloc_compile = "erlc -o {dir} {dir}/alloc/alloc.erl",
        .alloc_run = "erl -noshell -pa {dir} -run alloc main",
        .work = kString,
    },
    {
        .name = "R",
        .packages = "r-base-core",
        .needs = "Rscript",
        .version = "Rscript --version",
        .hello_run = "Rscript --vanilla {dir}/hello/hello.R",
        .alloc_run = "Rscript --vanilla {dir}/alloc/alloc.R",
        .work = kZeroed,
        .cycles = true,
    },
};

}  // namespace

std::span<const Language> languages() {
  return kLanguages;
}

}  // namespace hellomark
