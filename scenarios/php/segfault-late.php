<?php
// The same, when the first part of the page has been sent.
header('Content-Type: text/plain');
echo str_repeat("a line of the page\n", 1000);
flush();
usleep(100000); // what a gateway sends last lies unread by then: its connection is reset, not closed
posix_kill(getmypid(), 11);
sleep(1);
