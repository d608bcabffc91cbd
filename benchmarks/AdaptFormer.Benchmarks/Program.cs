using AdaptFormer.Benchmarks;
using BenchmarkDotNet.Running;

// dotnet run -c Release --project benchmarks/AdaptFormer.Benchmarks -- --filter "*MatMul*"
// dotnet run -c Release --project benchmarks/AdaptFormer.Benchmarks -- clips clip-csv:data/video/arid/train.csv data/video/arid/videos/train
if (args is ["clips", string spec, .. string[] root]) return ClipLoading.Run(spec, root is [string folder] ? folder : null);
BenchmarkSwitcher.FromAssembly(typeof(KernelConfig).Assembly).Run(args, new KernelConfig());
return 0;
