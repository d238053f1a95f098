<?php
header('Content-Type: text/plain');
echo "the semicolon is missing\n"
echo "ok\n";
