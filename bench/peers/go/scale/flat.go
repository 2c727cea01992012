package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	flatWave     = 1000
	flatYielders = 8
	flatBurst    = 100
)

type flatState struct {
	shared   chan int
	received int64
	ready    sync.WaitGroup
	ended    sync.WaitGroup
}

func (f *flatState) populate(more int) {
	f.ready.Add(more)
	f.ended.Add(more)
	for i := 0; i < more; i++ {
		go func() {
			f.ready.Done()
			for range f.shared {
				atomic.AddInt64(&f.received, 1)
			}
			f.ended.Done()
		}()
	}
	f.ready.Wait()
	time.Sleep(20 * time.Millisecond)
}

func flatSpawn(units int) time.Duration {
	var wave sync.WaitGroup
	begin := time.Now()
	for i := 0; i < units; i += flatWave {
		wave.Add(flatWave)
		for j := 0; j < flatWave; j++ {
			go wave.Done()
		}
		wave.Wait()
	}
	return time.Since(begin)
}

func flatYield(units int) time.Duration {
	var left sync.WaitGroup
	line := make(chan int)
	left.Add(flatYielders)
	for i := 0; i < flatYielders; i++ {
		go func() {
			<-line
			for turn := 0; turn < units/flatYielders; turn++ {
				runtime.Gosched()
			}
			left.Done()
		}()
	}
	time.Sleep(time.Millisecond)
	begin := time.Now()
	close(line)
	left.Wait()
	return time.Since(begin)
}

func flatWake(there, back chan int, units int) time.Duration {
	begin := time.Now()
	for i := 0; i < units/2; i++ {
		there <- i
		value := <-back
		check(value == ^i, "flat: message %d came back as %d", i, value)
	}
	return time.Since(begin)
}

func (f *flatState) oldest(units int) time.Duration {
	expected := atomic.LoadInt64(&f.received) + int64(units)
	begin := time.Now()
	for i := 0; i < units; i++ {
		f.shared <- i
		if i%flatBurst == flatBurst-1 {
			runtime.Gosched()
		}
	}
	for atomic.LoadInt64(&f.received) != expected {
		runtime.Gosched()
	}
	return time.Since(begin)
}

func (f *flatState) turn(s *sample, turns map[string][]float64) {
	turns["spawn"] = append(turns["spawn"], s.perUnit(flatWave, flatSpawn))
	turns["yield"] = append(turns["yield"], s.perUnit(flatYielders, flatYield))
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- ^value
		}
	}()
	wake := s.perUnit(2, func(units int) time.Duration { return flatWake(there, back, units) })
	turns["wake"] = append(turns["wake"], wake)
	close(there)
	turns["oldest"] = append(turns["oldest"], s.perUnit(flatBurst, f.oldest))
}

func flat(s *sample) {
	f := &flatState{shared: make(chan int)}
	alive, least := 0, 1
	if s.size >= 20000 {
		least = s.size / 10000
	}
	for _, level := range []int{least, s.size / 100, s.size} {
		f.populate(level - alive)
		alive = level
		turns := map[string][]float64{}
		for i := 0; i < 3; i++ {
			f.turn(s, turns)
		}
		for name, values := range turns {
			s.value(median(values), "%s_%d_ns", name, level)
		}
	}
	close(f.shared)
	f.ended.Wait()
}
