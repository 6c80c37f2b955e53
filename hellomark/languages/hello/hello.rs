use std::io::Write;

fn main() {
    let text = std::fs::read("hello.txt").unwrap();
    std::io::stdout().write_all(&text).unwrap();
}
