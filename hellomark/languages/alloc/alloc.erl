-module(alloc).
-export([main/1]).

main([Pattern, Blocks]) ->
    run(Pattern, 0, list_to_integer(Blocks), #{}),
    halt(0).

fresh() -> binary:copy(<<"x">>, 10000).

run(_, Blocks, Blocks, Kept) -> Kept;
run("ring", I, Blocks, Kept) -> run("ring", I + 1, Blocks, Kept#{I rem 1000 => fresh()});
run("take", I, Blocks, Kept) -> run("take", I + 1, Blocks, Kept#{I => fresh()});
run("drop", I, Blocks, Kept) ->
    fresh(),
    run("drop", I + 1, Blocks, Kept).
