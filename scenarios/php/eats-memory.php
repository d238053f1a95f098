<?php
// Takes memory until there is none; half a GiB at the most.
ini_set('memory_limit', '-1');
$rows = [];
for ($i = 0; $i < 512; $i++) {
    $rows[] = str_repeat('x', 1 << 20);
}
echo count($rows), "\n";
