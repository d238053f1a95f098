<?php
// A page that stores a photo of 2 MB in the database.
$db = new mysqli('10.0.0.7', 'shop', 'secret', 'shop');
$db->query("INSERT INTO photos VALUES (REPEAT('x', 2000000))");
header('Content-Type: text/plain');
echo "stored\n";
