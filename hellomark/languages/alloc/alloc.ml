type block = { bytes : Bytes.t; mutable other : block option }

let fresh () = { bytes = Bytes.make 10000 'x'; other = None }

let () =
  let pattern = Sys.argv.(1) and blocks = int_of_string Sys.argv.(2) in
  let ring = Array.make 1000 None and all = ref [] and i = ref 0 in
  while !i < blocks do
    let block = fresh () in
    (match pattern with
    | "ring" -> ring.(!i mod 1000) <- Some block
    | "take" -> all := block :: !all
    | "cycle" ->
        let other = fresh () in
        other.other <- Some block;
        block.other <- Some other;
        ring.(!i mod 1000) <- Some block;
        incr i
    | _ -> ring.(0) <- Some block);
    incr i
  done
