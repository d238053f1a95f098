<?php
// Reads a whole export into memory: 40 MiB.
$export = str_repeat('x', 40 << 20);
header('Content-Type: text/plain');
echo strlen($export), "\n";
