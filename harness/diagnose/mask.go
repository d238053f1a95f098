package diagnose

import "regexp"

// secrets are what a text may hold that nobody else may see. The first group stays.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?i)((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:bearer|basic|digest|negotiate|token)?\s*)[^\s"',;]+`),
	regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)[a-z0-9+/_.=-]{12,}`),
	regexp.MustCompile(`(?i)((?:set-)?cookie["']?\s*[:=]\s*["']?)[^"'\r\n]+`),
	regexp.MustCompile(`(?i)([?&;](?:[a-z0-9_-]*(?:token|secret|passw(?:or)?d|pwd|apikey|api_key|api-key|signature|sig|session|sessid|sid|auth|jwt|code|key))=)[^&\s"'#]+`),
	regexp.MustCompile(`(?i)(["']?(?:x-api-key|api[_-]?key|access[_-]?token|refresh[_-]?token|client[_-]?secret|password|passwd|secret)["']?\s*[:=]\s*["']?)[^\s"',;&]+`),
	regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s/:@"']*:)[^\s/@"']+(?:@)`),
}

// Mask takes secrets out of a text that is echoed: credentials in headers, cookies, tokens in addresses.
func Mask(s string) string {
	for i, re := range secrets {
		if i == len(secrets)-1 {
			s = re.ReplaceAllString(s, "${1}***@")
			continue
		}
		s = re.ReplaceAllString(s, "${1}***")
	}
	return s
}
