package apache

import (
	"regexp"
	"strings"
)

var numbered = regexp.MustCompile(`\bah\d{5}\b`)

// words have the numbers of messages that Apache 2.2 wrote without one: what of a message is always there, in lower case, those first that
// hold another.
// https://github.com/apache/httpd/tree/2.4.x/modules/proxy
var words = []struct{ text, code string }{
	{"ajp_send_header: ajp_marshal_into_msgb failed", "ah00988"}, {"ajp_marshal_into_msgb: ", "ah00968"}, {"ajp_unmarshal_response: ", "ah00983"},
	{"ajp_send_header: ajp_ilink_send failed", "ah00989"}, {"ajp_read_header: ajp_ilink_receive failed", "ah00992"},
	{"ajp_read_header: ajp_msg_peek_uint8 failed", "ah00993"}, {"ajp_parse_headers: ajp_msg_get_byte failed", "ah00994"},
	{"ajp_parse_data: ", "ah00996"}, {"ajp_parse_reuse: ", "ah00999"}, {"ajp_ilink_send(): send failed", "ah01029"},
	{"ajp_ilink_receive() can't receive header", "ah01030"}, {"ajp_ilink_receive() received bad header", "ah01031"},
	{"ajp_ilink_receive() error while receiving message body", "ah01032"}, {"ajp_msg_check_header() got bad signature", "ah01080"},
	{"ajp_msg_check_header() incoming message is too big", "ah01081"}, {"bufferoverflowexception", "ah03229"},
	{"ajp_handle_cping_cpong: ajp_ilink_send failed", "ah01009"}, {"ajp_handle_cping_cpong: ajp_ilink_receive failed", "ah01012"},
	{"read zero bytes, expecting ", "ah00877"}, {"read response failed from ", "ah00878"}, {"dialog to ", "ah00893"}, {"cping/cpong failed to ", "ah00897"},
	{"error parsing url ", "ah01083"}, {"substitution in regular expression failed", "ah01135"}, {"transfer-encoding is not supported", "ah01093"},
	{"could not parse request content-length", "ah01085"}, {"couldn't encode envvar", "ah02536"}, {"failed to read fastcgi header", "ah01067"},
	{"error parsing script headers", "ah01070"}, {"failed writing request to ", "ah01073"}, {"failed writing environment to ", "ah01074"},
	{"error dispatching request to ", "ah01075"}, {"no http headers returned by ", "ah01099"}, {"starting body due to bogus non-header", "ah01098"},
	{"ignoring bogus http header", "ah01100"}, {" header returned by ", "ah01106"}, {"error reading response headers from ", "ah00860"},
	{"error reading response", "ah01110"}, {"error reading status line from remote server", "ah01102"}, {"sending data to ", "ah00858"},
	{"receiving request body failed", "ah00859"}, {"prefetch request body failed to ", "ah01095"}, {"read request body failed to ", "ah02608"},
	{"pass request body failed to ", "ah01084"}, {"request failed to ", "ah00868"}, {"send failed to ", "ah00876"},
	{"disabled connection for ", "ah00940"}, {"failed to acquire connection for ", "ah00941"}, {"send_http_connect: ", "ah00950"},
	{" via http connect through ", "ah00958"}, {"attempt to connect to unix domain socket", "ah02454"}, {"attempt to connect to ", "ah00957"},
	{"an error occurred creating a new connection to ", "ah00960"}, {"failed to make connection to backend", "ah01114"},
	{"search for temporary directory failed", "ah01089"}, {"creation of temporary file in directory ", "ah01090"}, {"write to temporary file ", "ah01091"},
	{"ssl proxy connect failed", "ah02003"}, {"polling timed out (client=", "ah10213"}, {"exit signal ", "ah00052"}, {"forcing worker ", "ah01174"},
	{"trace forbidden by server configuration", "ah01139"}, {"trace with request body is not allowed", "ah01140"},
	{"subrequest to file ", "ah00864"},
}

// Code is the number of a message, in lower case, by its words: for lines of 2.2, which have none. It is empty where the message has one
// already, or is not known.
func Code(low string) string {
	if numbered.MatchString(low) {
		return ""
	}
	for _, w := range words {
		if strings.Contains(low, w.text) {
			return w.code
		}
	}
	return ""
}
