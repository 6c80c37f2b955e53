let () =
  let file = open_in_bin "hello.txt" in
  let buffer = Bytes.create 102400 in
  output stdout buffer 0 (input file buffer 0 102400)
