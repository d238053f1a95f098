<?php
// Computes without end: a loop whose condition never comes true.
for ($i = 0; $i >= 0; $i = ($i + 1) % 1000) {
}
echo "done\n";
