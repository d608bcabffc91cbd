using AdaptFormer.Benchmarks;
using BenchmarkDotNet.Running;

// dotnet run -c Release --project benchmarks/AdaptFormer.Benchmarks -- --filter "*MatMul*"
BenchmarkSwitcher.FromAssembly(typeof(KernelConfig).Assembly).Run(args, new KernelConfig());
