<?php
/* Plugin Name: Gallery */

// An update that lacks a file.
require __DIR__ . '/includes/pictures.php';
