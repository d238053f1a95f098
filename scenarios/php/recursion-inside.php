<?php
// A function that calls itself without end, through one of PHP's own: those calls go on the stack of the process.
function depth($n)
{
    return array_map('depth', [$n + 1]);
}
echo count(depth(0)), "\n";
