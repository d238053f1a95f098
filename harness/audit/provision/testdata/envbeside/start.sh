#!/bin/sh
envsubst '$backend ${WAIT}' < site.conf > /etc/nginx/conf.d/site.conf
exec nginx -g "daemon off;"
