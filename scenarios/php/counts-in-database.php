<?php
// A page that counts its visitors in the database.
$db = new mysqli('10.0.0.7', 'shop', 'secret', 'shop');
$db->query("UPDATE goods SET seen = seen + 1 WHERE name = 'tea'");
header('Content-Type: text/plain');
echo "counted\n";
