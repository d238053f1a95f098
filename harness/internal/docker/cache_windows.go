package docker

import "os"

// ours is true: on Windows each user has a folder for temporary files of his own.
func ours(os.FileInfo) bool { return true }
