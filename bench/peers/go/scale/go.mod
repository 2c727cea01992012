module weft-scale-go

go 1.19
