using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

public sealed class ModelReportTests
{
    private static readonly JsonElement Golden =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "param_counts.json"))).RootElement;

    public static TheoryData<string> Counted => [.. Golden.GetProperty("counts").EnumerateObject().Select(row => row.Name).Where(name => name.Contains('/'))];

    public static TheoryData<string> Multiplied => [.. Golden.GetProperty("macs").EnumerateObject().Select(row => row.Name).Where(name => name.Contains("_224_"))];

    [Theory]
    [MemberData(nameof(Counted))]
    public void Parameters_are_counted_as_in_the_original_programs(string row)
    {
        JsonElement golden = Golden.GetProperty("counts").GetProperty(row);
        ModelReport report = Report(row[(row.IndexOf('/') + 1)..], row);
        Assert.Equal(golden.GetProperty("total").GetInt64(), report.Total);
        Assert.Equal(golden.GetProperty("trainable").GetInt64(), report.Trainable);
        Assert.Equal(golden.GetProperty("head").GetInt64(), Part(report, "head"));
        Assert.Equal(golden.GetProperty("added_modules").GetInt64(), Part(report, "method"));
    }

    [Theory]
    [MemberData(nameof(Multiplied))]
    public void Multiply_adds_are_counted_as_in_the_original_programs(string row)
    {
        JsonElement golden = Golden.GetProperty("macs").GetProperty(row);
        foreach (string method in row.Split('/')[1] == "linear_or_full" ? (string[])["linear", "full"] : [row.Split('/')[1]])
        {
            ModelReport report = Report(method, row);
            Assert.Equal(golden.GetProperty("macs").GetInt64(), report.Macs);
            Assert.Equal(golden.GetProperty("fvcore_style").GetInt64(), report.FvcoreMacs);
        }
    }

    [Fact]
    public void Parameters_of_video_swin_are_counted_as_in_the_original_program()
    {
        const string Row = "video_swin_b_w8x7x7_174cls";
        JsonElement golden = Golden.GetProperty("counts").GetProperty(Row);
        foreach (string method in (string[])["full", "linear", "adaptformer-64"])
        {
            ModelReport report = Report(method, Row);
            Assert.Equal(golden.GetProperty(method).GetInt64(), report.Trainable);
            Assert.Equal(golden.GetProperty("head").GetInt64(), Part(report, "head"));
        }
    }

    [Fact]
    public void A_training_step_costs_what_its_method_trains()
    {
        ModelReport full = Report("full"), adapter = Report("adaptformer-64"), linear = Report("linear"), late = Report(new AdaptFormerTuning(Layers: "12"));
        Assert.InRange((double)full.Train.Macs / full.Predict.Macs, 2.8, 3.3);             // forward, and two products for each backwards
        Assert.InRange((double)adapter.Train.Macs / adapter.Predict.Macs, 1.8, 2.2);       // no weight gradients
        Assert.InRange((double)linear.Train.Macs / linear.Predict.Macs, 1, 1.001);         // nothing behind the head
        Assert.True(late.Train.Bytes < adapter.Train.Bytes && adapter.Train.Bytes < full.Train.Bytes);
        Assert.True(linear.Predict.Macs < linear.Macs);                                    // the last block makes the class token alone
    }

    [Theory]
    [InlineData("adaptformer")]
    [InlineData("full")]
    [InlineData("linear")]
    public void The_size_of_the_adapter_file_is_foretold(string method)
    {
        Tuning tuning = method switch { "adaptformer" => new AdaptFormerTuning(), "full" => new FullTuning(), _ => new LinearProbe() };
        using TestFolder folder = new();
        using Backbone model = TinyBackbone.Open(TinyBackbone.Save(folder));
        long foretold = ModelReport.Of(model, tuning, 5).AdapterBytes;
        Assert.Null(model.Head);
        tuning.Attach(model, 5, new Rng(0));
        long real = AdapterFile.Save(folder.PathOf("a.safetensors"), model, tuning, ["a", "b", "c", "d", "e"]).FileBytes;
        Assert.InRange(foretold, real * 0.9, real * 1.1);
    }

    [Fact]
    public void The_time_of_a_small_model_is_not_rounded_to_nothing() =>
        Assert.Equal(5e-8, new CallCost(Batch: 16, Macs: 25_000, Bytes: 0).SecondsPerImage(flopsPerSecond: 1e12), tolerance: 1e-15);

    private static ModelReport Report(string method, string row = "image")
    {
        string[] words = method.Split('-');
        return Report(words[0] switch
        {
            "full" => new FullTuning(),
            "linear" => new LinearProbe(),
            "vpt" => new VptTuning(int.Parse(words[1])),
            "adaptformer" => new AdaptFormerTuning(int.Parse(words[1])),
            string other => throw new InvalidDataException($"method {other} is not known"),
        }, row);
    }

    private static ModelReport Report(Tuning tuning, string row = "image")
    {
        bool isVideo = row.StartsWith("video", StringComparison.Ordinal), isSwin = row.Contains("_swin_");
        string id = (isVideo, isSwin) switch
        {
            (true, true) => "video_swin_base_patch244_window877",
            (true, false) => "vit_base_patch16_224.videomae",
            (false, true) => "swin_base_patch4_window7_224",
            _ => "vit_base_patch16_224",
        };
        BackboneConfig config = ModelZoo.Get(id).Config;
        if (isVideo && !isSwin) config = config.WithNumFrames(row.Contains("16frames") ? 16 : 8);
        if (row.Contains("global_pool")) config = config.WithGlobalPool(true);
        using Backbone model = config.Create("vit_b");
        return ModelReport.Of(model, tuning, row.Contains("174cls") ? 174 : 100);
    }

    private static long Part(ModelReport report, string name) => report.Parts.Where(part => part.Name == name).Sum(part => part.Total);
}
