<?php
// The same page, which says that it can't be had now where the database fails.
header('Content-Type: text/plain');
try {
    $db = new mysqli('10.0.0.7', 'shop', 'secret', 'shop');
    $row = $db->query("SELECT price FROM goods WHERE name = 'tea'")->fetch_row();
    echo "tea costs $row[0]\n";
} catch (mysqli_sql_exception $e) {
    http_response_code(503);
    header('Retry-After: 30');
    echo "we are back in a minute\n";
}
