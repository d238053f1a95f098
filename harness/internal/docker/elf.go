package docker

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// machines maps Go's names of architectures to what a program's header says.
var machines = map[string]elf.Machine{
	"386":     elf.EM_386,
	"amd64":   elf.EM_X86_64,
	"arm":     elf.EM_ARM,
	"arm64":   elf.EM_AARCH64,
	"loong64": elf.EM_LOONGARCH,
	"ppc64le": elf.EM_PPC64,
	"riscv64": elf.EM_RISCV,
	"s390x":   elf.EM_S390,
}

// staticLinux returns nil if a program runs on any Linux of the architecture
// with nothing beside it, as it must in an image of which we know nothing, and
// else what speaks against it.
func staticLinux(program []byte, arch string) error {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return fmt.Errorf("it is not a Linux program")
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("it is not a program but %s", f.Type)
	}
	if f.OSABI != elf.ELFOSABI_NONE && f.OSABI != elf.ELFOSABI_LINUX {
		return fmt.Errorf("it is for %s, not for Linux", f.OSABI)
	}
	if f.Machine != machines[arch] {
		return fmt.Errorf("it is for %s, and the engine runs %s", f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("it is linked to a C library: build it with CGO_ENABLED=0")
		}
	}
	return nil
}
