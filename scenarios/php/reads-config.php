<?php
// Takes its settings from a file beside it.
require '/var/www/config.php';
header('Content-Type: text/plain');
echo "ok\n";
