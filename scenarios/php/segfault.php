<?php
// What a faulty extension does to the worker that runs it.
usleep(100000); // what a gateway sends last lies unread by then: its connection is reset, not closed
posix_kill(getmypid(), 11);
sleep(1);
