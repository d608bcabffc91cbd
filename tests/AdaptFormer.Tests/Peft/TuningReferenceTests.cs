using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>LoRA, SSF, Houlsby and BitFit against numbers that <c>tools/parity/tuning_methods.py</c> wrote in double precision from the papers' equations.</summary>
public sealed class TuningReferenceTests
{
    private const double OutTolerance = 1e-5, GradTolerance = 1e-4;

    private static readonly Dictionary<string, Tuning> Methods = new()
    {
        ["lora_q_v"] = new LoraTuning(Rank: 3, Alpha: 7, Targets: "q,v", Head: HeadKind.Plain),
        ["lora_qkv_proj_fc1_fc2"] = new LoraTuning(Rank: 2, Alpha: 3, Targets: "qkv,proj,fc1,fc2", Head: HeadKind.Plain),
        ["ssf"] = new SsfTuning(HeadKind.Plain),
        ["houlsby"] = new HoulsbyTuning(Bottleneck: 5, Head: HeadKind.Plain),
        ["bitfit"] = new BitFitTuning(HeadKind.Plain),
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string method in Methods.Keys)
            {
                cases.Add(method, CpuBackends.Managed);
                cases.Add(method, CpuBackends.OneDnnName);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Logits_loss_and_every_gradient_equal_pytorch_s(string method, string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using WeightsFile reference = Open(method);
        using VisionTransformer model = Load(method, reference);
        using TensorScope scope = new();
        ParityCase.AssertClose("logits", Read(reference, "logits"), model.Forward(Pixels(reference)).ToArray(), OutTolerance);

        using FlatParameters flat = new(model.TrainableParameters());
        flat.ZeroGradients();
        using Tape tape = new(new Rng(0));
        Tensor loss = model.Forward(tape.Watch(Pixels(reference))).SoftmaxCrossEntropy(TinyVit.Labels);
        ParityCase.AssertClose("loss", Read(reference, "loss"), loss.ToArray(), OutTolerance);
        tape.Backward(loss);
        foreach (FlatParameters.Segment segment in flat.Segments)
        {
            float[] gradient = segment.Parameter.Grad!.ToArray();
            ParityCase.AssertClose(segment.Name, Read(reference, $"grad/{segment.Name}"), gradient, GradTolerance);
        }
    }

    [Theory]
    [InlineData("lora_q_v")]
    [InlineData("lora_qkv_proj_fc1_fc2")]
    [InlineData("ssf")]
    public void Merged_into_the_backbone_the_answers_are_still_those(string method)
    {
        using WeightsFile reference = Open(method);
        using VisionTransformer model = Load(method, reference);
        Methods[method].Merge(model);
        using TensorScope scope = new();
        ParityCase.AssertClose("logits", Read(reference, "logits"), model.Forward(Pixels(reference)).ToArray(), OutTolerance);
    }

    /// <summary>A model with the method attached and all numbers of the file in place.</summary>
    private static VisionTransformer Load(string method, WeightsFile reference)
    {
        VisionTransformer model = TinyVit.Create();
        Methods[method].Attach(model, TinyVit.Classes, new Rng(0));
        Dictionary<string, Parameter> own = model.Parameters().ToDictionary();
        string[] given = [.. reference.Entries.Keys.Where(name => name.StartsWith("param/", StringComparison.Ordinal)).Select(name => name["param/".Length..])];
        Assert.Equal(own.Keys.Order(), given.Order());
        foreach (string name in given) own[name].Assign(Read(reference, $"param/{name}"));
        return model;
    }

    private static WeightsFile Open(string method) =>
        WeightsFile.Open(Path.Combine(AppContext.BaseDirectory, "Fixtures", "methods", method + ".safetensors"));

    private static Tensor Pixels(WeightsFile reference) => Tensor.From(Read(reference, "x"), reference.Get("x").Shape);

    private static float[] Read(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Get(name);
        float[] values = new float[entry.ElementCount];
        file.ReadFloat32(entry, values);
        return values;
    }
}
