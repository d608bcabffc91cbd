using AdaptFormer.Benchmarks;
using AdaptFormer.Benchmarks.Bank;
using BenchmarkDotNet.Running;

// dotnet run -c Release --project benchmarks/AdaptFormer.Benchmarks -- --filter "*MatMul*"
// dotnet run -c Release --project benchmarks/AdaptFormer.Benchmarks -- clips clip-csv:data/video/arid/train.csv data/video/arid/videos/train
if (args is ["clips", string spec, .. string[] root]) return ClipLoading.Run(spec, root is [string folder] ? folder : null);

// dotnet run -c Release --project benchmarks/AdaptFormer.Benchmarks -- bank speed deit_tiny_patch16_224 float32
if (args is ["bank", string part, string model, string precision, .. string[] options]) return BankBenchmark.Run(part, model, precision, options);

// mpirun -n 2 dotnet benchmarks/AdaptFormer.Benchmarks/bin/Release/net10.0/AdaptFormer.Benchmarks.dll ranks
if (args is ["ranks"]) return RankExchange.Run();
BenchmarkSwitcher.FromAssembly(typeof(KernelConfig).Assembly).Run(args, new KernelConfig());
return 0;
