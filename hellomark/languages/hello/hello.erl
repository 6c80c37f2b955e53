-module(hello).
-export([main/0]).

main() ->
    {ok, Text} = file:read_file("hello.txt"),
    ok = file:write(standard_io, Text),
    halt(0).
