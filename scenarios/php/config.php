<?php
// The settings of reads-config.php, a secret among them.
$secret = 'correct horse';
