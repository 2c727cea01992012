package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Of this process: bytes, and lines of /proc/self/maps.
type memory struct {
	resident, pageTables, mappings int
}

func memoryNow() memory {
	var now memory
	status, err := os.ReadFile("/proc/self/status")
	check(err == nil, "%v", err)
	for _, line := range strings.Split(string(status), "\n") {
		var kib int
		if count, _ := fmt.Sscanf(line, "VmRSS: %d", &kib); count == 1 {
			now.resident = kib * 1024
		} else if count, _ := fmt.Sscanf(line, "VmPTE: %d", &kib); count == 1 {
			now.pageTables = kib * 1024
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	check(err == nil, "%v", err)
	now.mappings = bytes.Count(maps, []byte("\n"))
	return now
}

// memoryPer adds what the process has more than before, divided; returns resident bytes.
func (s *sample) memoryPer(before memory, tasks int) float64 {
	now := memoryNow()
	resident := float64(now.resident-before.resident) / float64(tasks)
	tables := float64(now.pageTables-before.pageTables) / float64(tasks)
	s.value(resident, "resident_bytes")
	s.value(tables, "page_table_bytes")
	s.value(resident+tables, "total_bytes")
	s.value(float64(now.mappings-before.mappings), "mappings")
	return resident
}

// usage is what all threads have used so far: processor time and context switches.
func usageNow() (cpu time.Duration, voluntary, involuntary int64) {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil, "getrusage failed")
	cpu = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return cpu, used.Nvcsw, used.Nivcsw
}
