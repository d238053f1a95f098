package diagnose

import (
	"strconv"
	"strings"
)

// Error numbers as Linux has them on most machines.
const (
	enoent, eio, eagain, enomem, eacces, einval        = 2, 5, 11, 12, 13, 22
	enfile, emfile, enospc, erofs, epipe               = 23, 24, 28, 30, 32
	eprototype, enoprotoopt, eaddrinuse, eaddrnotavail = 91, 92, 98, 99
	enetunreach, econnaborted, econnreset, enobufs     = 101, 103, 104, 105
	etimedout, econnrefused, ehostdown, ehostunreach   = 110, 111, 112, 113
)

// foreign are the numbers of other systems that Linux uses for nothing that a gateway logs of a connection: those of BSD and macOS,
// of Windows and of Solaris.
// https://learn.microsoft.com/en-us/windows/win32/winsock/windows-sockets-error-codes-2
var foreign = map[int]int{
	35: eagain, 48: eaddrinuse, 49: eaddrnotavail, 51: enetunreach, 53: econnaborted, 54: econnreset, 55: enobufs,
	60: etimedout, 61: econnrefused, 64: ehostdown, 65: ehostunreach,
	10013: eacces, 10022: einval, 10024: emfile, 10035: eagain, 10048: eaddrinuse, 10049: eaddrnotavail, 10051: enetunreach,
	10053: econnaborted, 10054: econnreset, 10055: enobufs, 10060: etimedout, 10061: econnrefused, 10064: ehostdown, 10065: ehostunreach,
	125: eaddrinuse, 126: eaddrnotavail, 128: enetunreach, 131: econnreset, 145: etimedout, 146: econnrefused, 148: ehostunreach,
}

// wording are the words for an errno, those of glibc, musl, BSD, Windows and of languages that name it.
var wording = []struct {
	text  string
	errno int
}{
	{"connection refused", econnrefused}, {"econnrefused", econnrefused}, {"actively refused", econnrefused},
	{"connection reset by peer", econnreset}, {"connection reset", econnreset}, {"econnreset", econnreset}, {"forcibly closed", econnreset},
	{"connection timed out", etimedout}, {"operation timed out", etimedout}, {"etimedout", etimedout}, {"failed to respond", etimedout}, {"did not properly respond", etimedout},
	{"no route to host", ehostunreach}, {"host is unreachable", ehostunreach}, {"ehostunreach", ehostunreach}, {"host is down", ehostunreach},
	{"network is unreachable", enetunreach}, {"network unreachable", enetunreach}, {"enetunreach", enetunreach},
	{"too many open files", emfile}, {"no file descriptors available", emfile}, {"emfile", emfile},
	{"no space left", enospc}, {"enospc", enospc},
	{"broken pipe", epipe}, {"epipe", epipe},
	{"address already in use", eaddrinuse}, {"address in use", eaddrinuse}, {"eaddrinuse", eaddrinuse},
	{"cannot assign requested address", eaddrnotavail}, {"address not available", eaddrnotavail}, {"eaddrnotavail", eaddrnotavail},
	{"can't assign requested address", eaddrnotavail},
	{"resource temporarily unavailable", eagain}, {"resource unavailable", eagain}, {"eagain", eagain},
	{"cannot allocate memory", enomem}, {"enomem", enomem},
	{"no such file or directory", enoent}, {"enoent", enoent},
	{"permission denied", eacces}, {"eacces", eacces},
	{"read-only file system", erofs}, {"erofs", erofs},
	{"input/output error", eio}, {"i/o error", eio},
}

// ErrnoTexts are the words that systems have for an errno of Linux's, in lower case, glibc's first.
func ErrnoTexts(number int) (all []string) {
	for _, w := range wording {
		if w.errno == number {
			all = append(all, w.text)
		}
	}
	return all
}

// errnoOf is the error number that a text in lower case names, as Linux has it; 0 for none. The number decides where there is one, as the
// words differ from one system, and one language, to the next.
func errnoOf(low string) int {
	n, words := numbered(low)
	switch {
	case n == 0:
		return worded(low)
	case foreign[n] != 0:
		return foreign[n]
	case n == 35 || n == 48: // a number that means little: by its words
		return max(worded(words), n)
	}
	return n
}

// linux is an error number of whatever system as Linux has it.
func linux(n int) int {
	if at := foreign[n]; at != 0 {
		return at
	}
	return n
}

func worded(low string) int {
	for _, w := range wording {
		if strings.Contains(low, w.text) {
			return w.errno
		}
	}
	return 0
}

// numbered finds "(111: words)" as nginx writes it, "(111)words: " as Apache does, and "errno 111".
func numbered(low string) (n int, words string) {
	for i := 0; i < len(low); i++ {
		j := strings.IndexByte(low[i:], '(')
		if j < 0 {
			break
		}
		i += j
		d := i + 1
		for d < len(low) && d < i+7 && low[d] >= '0' && low[d] <= '9' {
			d++
		}
		if d == i+1 || d >= len(low) {
			continue
		}
		number, _ := strconv.Atoi(low[i+1 : d])
		after := low[d:]
		switch {
		case strings.HasPrefix(after, ": "), strings.HasPrefix(after, ":") && len(after) > 1 && number > 19:
			if after[1] != ' ' && number < 100 { // "(10:certificate has expired)" is OpenSSL's
				continue
			}
			return number, after
		case len(after) > 2 && after[0] == ')' && after[1] != ' ' && after[1] != ',' && after[1] != ']' && after[1] != '"':
			if (number >= 1 && number < 20000 || ofAPR(number)) && (after[1] >= 'a' && after[1] <= 'z' || after[1] >= 0x80) {
				return number, after
			}
		}
	}
	for _, key := range [...]string{"errno ", "errno: ", "errno=", "os error ", "(os ", "err=-"} {
		if i := strings.Index(low, key); i >= 0 {
			d := i + len(key)
			e := d
			for e < len(low) && e < d+6 && low[e] >= '0' && low[e] <= '9' {
				e++
			}
			if e > d {
				n, _ := strconv.Atoi(low[d:e])
				return n, low[e:]
			}
		}
	}
	return 0, ""
}

// ofAPR reports whether it is a number of the Apache runtime's own: 20014, 70007, 120006 and their like.
func ofAPR(n int) bool {
	group := n / 1000
	return group == 20 || group == 70 || group == 120 || group == 670
}
