<?php
// More than output_buffering holds has been sent when the error comes.
header('Content-Type: text/plain');
echo str_repeat("a line of the page\n", 1000);
flush();
echo shop_total(), "\n";
