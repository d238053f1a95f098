<?php
for ($sum = '', $i = 0; $i < 1_000_000; $i++) {
    $sum = md5($sum);
}
header('Content-Type: text/plain');
echo "$sum\n";
