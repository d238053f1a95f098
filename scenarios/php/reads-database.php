<?php
// A page that needs the database.
$db = new mysqli('10.0.0.7', 'shop', 'secret', 'shop');
$row = $db->query("SELECT price FROM goods WHERE name = 'tea'")->fetch_row();
header('Content-Type: text/plain');
echo "tea costs $row[0]\n";
