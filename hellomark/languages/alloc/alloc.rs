use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

#[allow(dead_code)]
struct Block {
    bytes: Vec<u8>,
    other: RefCell<Option<Rc<Block>>>,
}

fn fresh(i: usize) -> Rc<Block> {
    Rc::new(Block { bytes: black_box(vec![i as u8 | 1; 10000]), other: RefCell::new(None) })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let pattern = arguments[1].as_str();
    let blocks: usize = arguments[2].parse().unwrap();
    let mut ring: Vec<Option<Rc<Block>>> = vec![None; 1000];
    let mut all = Vec::new();
    let mut i = 0;
    while i < blocks {
        let block = fresh(i);
        match pattern {
            "ring" => ring[i % 1000] = Some(block),
            "take" => all.push(block),
            "cycle" => {
                let other = fresh(i);
                *other.other.borrow_mut() = Some(block.clone());
                *block.other.borrow_mut() = Some(other);
                ring[i % 1000] = Some(block);
                i += 1;
            }
            _ => {}
        }
        i += 1;
    }
}
