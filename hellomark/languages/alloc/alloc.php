<?php
ini_set("memory_limit", "-1");
[, $pattern, $blocks] = $argv;
class Block {
    public $bytes;
    public $other = null;
    function __construct() { $this->bytes = str_repeat("x", 10000); }
}
$ring = array_fill(0, 1000, null);
$all = [];
for ($i = 0; $i < (int)$blocks; $i++) {
    $block = new Block();
    if ($pattern === "ring") $ring[$i % 1000] = $block;
    elseif ($pattern === "take") $all[] = $block;
    elseif ($pattern === "cycle") {
        $block->other = new Block();
        $block->other->other = $block;
        $ring[$i++ % 1000] = $block;
    }
}
