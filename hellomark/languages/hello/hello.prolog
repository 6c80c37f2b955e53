:- initialization(main, main).

main :-
    read_file_to_string("hello.txt", Text, []),
    write(Text).
