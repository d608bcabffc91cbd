using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace AdaptFormer.Benchmarks;

/// <summary>One short job per instruction set that this processor has, and the rate of work beside the time.</summary>
internal sealed class KernelConfig : ManualConfig
{
    public KernelConfig()
    {
        AddLogger(ConsoleLogger.Default);
        AddExporter(MarkdownExporter.GitHub);
        AddColumnProvider(DefaultColumnProviders.Instance);
        AddColumn(new RateColumn());
        SummaryStyle = SummaryStyle.Default.WithMaxParameterColumnWidth(40);
        AddJob(Job.ShortRun.WithId(Vector512.IsHardwareAccelerated ? "AVX-512" : Vector256.IsHardwareAccelerated ? "AVX2" : "128 bit"));
        if (Avx512F.IsSupported) AddJob(Job.ShortRun.WithId("AVX2").WithEnvironmentVariable("DOTNET_EnableAVX512", "0"));
        if (Avx2.IsSupported) AddJob(Job.ShortRun.WithId("SSE").WithEnvironmentVariable("DOTNET_EnableAVX2", "0"));
    }

    /// <summary>GFLOP/s of a product, ns per element of everything else.</summary>
    private sealed class RateColumn : IColumn
    {
        public string Id => nameof(RateColumn);

        public string ColumnName => "Rate";

        public bool AlwaysShow => true;

        public ColumnCategory Category => ColumnCategory.Custom;

        public int PriorityInCategory => 0;

        public bool IsNumeric => false;

        public UnitType UnitType => UnitType.Dimensionless;

        public string Legend => "GFLOP/s of a product, ns per element of other kernels";

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
        {
            if (summary[benchmarkCase]?.ResultStatistics is not { } statistics) return "-";
            return benchmarkCase.Parameters["Shape"] switch
            {
                MatMulShape shape => $"{shape.Operations / statistics.Median:f1} GFLOP/s",
                ArrayShape shape => $"{statistics.Median / shape.Elements:f3} ns",
                _ => "-",
            };
        }

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

        public bool IsAvailable(Summary summary) => true;
    }
}
