<?php
// Takes an order; where FAULTY is set, its worker dies before it has read the order.
header('Content-Type: text/plain');
if (getenv('FAULTY')) {
    usleep(100000); // what a gateway sends last lies unread by then: its connection is reset, not closed
    posix_kill(getmypid(), 11);
    sleep(1);
}
if (file_get_contents('php://input') === '') {
    http_response_code(422);
    exit("An order of {$_SERVER['CONTENT_LENGTH']} bytes, and none came.\n");
}
echo "ok\n";
