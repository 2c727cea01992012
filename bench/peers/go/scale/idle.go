package main

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

const tickPeriod = time.Millisecond

// sleepThread blocks the thread, in the kernel, as no goroutine's sleep does.
func sleepThread(duration time.Duration) {
	left := syscall.NsecToTimespec(duration.Nanoseconds())
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}

// The thread that watches is a goroutine's that holds it, asleep in a system call: Go has no threads outside.
func idle(s *sample) {
	var warm sync.WaitGroup
	warm.Add(1000)
	for i := 0; i < 1000; i++ {
		go func() {
			for turn := 0; turn < 1000; turn++ {
				runtime.Gosched()
			}
			warm.Done()
		}()
	}
	warm.Wait()
	wake := make(chan int)
	go func() {
		runtime.LockOSThread()
		sleepThread(300 * time.Millisecond)
		cpu, voluntary, involuntary := usageNow()
		begin := time.Now()
		sleepThread(time.Duration(s.size) * time.Millisecond)
		cpuAfter, voluntaryAfter, involuntaryAfter := usageNow()
		seconds := time.Since(begin).Seconds()
		s.value(float64((cpuAfter-cpu).Nanoseconds())/1e6/seconds, "cpu_ms_per_s")
		s.value(float64(voluntaryAfter-voluntary)/seconds, "voluntary_per_s")
		s.value(float64(involuntaryAfter-involuntary)/seconds, "involuntary_per_s")
		wake <- 42
	}()
	check(<-wake == 42, "idle: main was woken by something else")
}

func (s *sample) tickStop(name string, cpu time.Duration, begin time.Time) {
	now, _, _ := usageNow()
	wall := time.Since(begin)
	s.value(100*float64(now-cpu)/float64(wall), "%s_cpu_percent", name)
	s.value(float64(s.size)/wall.Seconds(), "%s_per_s", name)
}

// outside: the goroutine that wakes holds a thread, and sleeps in a system call. bare is the same in every language.
func tick(s *sample) {
	cpu, _, _ := usageNow()
	begin := time.Now()
	for i := 0; i < s.size; i++ {
		time.Sleep(tickPeriod)
	}
	s.tickStop("sleep", cpu, begin)
	values := make(chan int)
	go func() {
		runtime.LockOSThread()
		cpu, _, _ := usageNow()
		begin := time.Now()
		for i := 0; i < s.size; i++ {
			sleepThread(tickPeriod)
			values <- 1
		}
		s.tickStop("outside", cpu, begin)
		close(values)
	}()
	got := 0
	for value := range values {
		got += value
	}
	check(got == s.size, "tick: %d of %d wake-ups arrived", got, s.size)
}
