<?php
header('Content-Type: text/plain');
echo "ok\n";
exit(3);
