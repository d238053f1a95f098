<?php
// A function that calls itself without end: PHP keeps its calls in memory that memory_limit counts.
function depth($n)
{
    return depth($n + 1) + 1;
}
echo depth(0), "\n";
