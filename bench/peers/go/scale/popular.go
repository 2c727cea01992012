package main

import (
	"sync"
	"time"
)

func popular(s *sample) {
	shared := make(chan int)
	own := openChannels(s.size, 0)
	for divisor := 1000; divisor >= 1; divisor /= 10 {
		count := s.size / divisor
		each := s.perUnit(count, func(units int) time.Duration { return popularBatch(shared, own[:count], units/count) })
		s.value(each, "tasks_%d_ns", count)
	}
}

func popularBatch(shared chan int, own []chan int, rounds int) time.Duration {
	var ready, left sync.WaitGroup
	ready.Add(len(own))
	left.Add(len(own))
	for _, channel := range own {
		go func(channel chan int) {
			ready.Done()
			for i := 0; i < rounds; i++ {
				select {
				case <-shared:
					fail("popular: a value from the shared channel")
				case value := <-channel:
					check(value == i, "popular: value %d for %d", value, i)
				}
			}
			left.Done()
		}(channel)
	}
	ready.Wait()
	time.Sleep(5 * time.Millisecond)
	begin := time.Now()
	for round := 0; round < rounds; round++ {
		for _, channel := range own {
			channel <- round
		}
	}
	left.Wait()
	return time.Since(begin)
}
