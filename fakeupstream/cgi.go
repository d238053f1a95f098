package fakeupstream

import "strconv"

// takeParam takes what an exchange needs from a parameter of CGI (RFC 3875, 4.1), which FastCGI, uwsgi and SCGI all send.
func (r *request) takeParam(name, value []byte) {
	switch string(name) {
	case "REQUEST_METHOD":
		r.method = value
		r.isHead = string(value) == "HEAD"
	case "REQUEST_URI":
		r.uri = value
	case "SERVER_PROTOCOL":
		r.proto = value
	case "CONTENT_LENGTH":
		r.length, _ = strconv.ParseInt(string(value), 10, 64)
		r.length = max(r.length, 0)
	}
}

// addParam puts a parameter on record.
func (r *RequestRecord) addParam(name, value []byte) {
	r.keep(&r.Params, name, value)
}
