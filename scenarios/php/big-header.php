<?php
// A debugging tool that writes its data into a header field.
header('Content-Type: text/plain');
header('X-Debug-Data: ' . str_repeat('x', 8000));
echo "ok\n";
