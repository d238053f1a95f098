<?php
// What a faulty extension does to the worker that runs it.
posix_kill(getmypid(), 11);
sleep(1);
