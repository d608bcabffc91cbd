using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests;

/// <summary>The engine on a device whose memory the host cannot read.</summary>
public sealed class DeviceTests
{
    public static TheoryData<string, Tuning> Methods => [.. CpuBackends.Devices.SelectMany(device => Tunings.Select(tuning => ((string)device, tuning)))];

    private static readonly Tuning[] Tunings =
    [
        new AdaptFormerTuning(4, LearnScale: true), new AdaptFormerTuning(4, Form: AdapterForm.Conv), new AdaptFormerTuning(8, Form: AdapterForm.Dwconv),
        new LoraTuning(2, 4, "q,k,v,proj,fc1,fc2", Dropout: 0.1f), new SsfTuning(HeadKind.Plain), new HoulsbyTuning(6, Head: HeadKind.Plain),
        new BitFitTuning(HeadKind.Plain), new NormTuning(), new VptTuning(2),
        new LinearProbe(), new FullTuning(),
    ];

    [Fact]
    public void Its_numbers_are_read_as_copies_only()
    {
        CheckingDevice device = new();
        using IDisposable _ = Backend.Use(device);
        using (TensorScope scope = new())
        {
            Tensor x = Tensor.From([1, 2, 3], new Shape(3));
            Assert.Same(device.Device, x.Device);
            string name = device.Device.Name;
            Assert.Contains(name, Assert.Throws<InvalidOperationException>(() => x.Span[0]).Message, StringComparison.Ordinal);
            Assert.Equal([1, 2, 3], x.ToArray());
            Assert.Equal([2, 4, 6], x.Scale(2).ToArray());
            Assert.All(Tensor.Empty(new Shape(2)).ToArray(), value => Assert.True(float.IsNaN(value)));
        }

        Assert.Equal(0, device.LiveBlocks);
    }

    [Fact]
    public void Calls_run_where_their_operands_lie_whatever_the_current_device_is()
    {
        CheckingDevice device = new();
        using TensorScope scope = new();
        Tensor there, here = Tensor.Full(new Shape(3), 1);
        using (Backend.Use(device)) there = Tensor.Full(new Shape(3), 2);
        Assert.Same(device.Device, there.Scale(3).Device);
        Assert.Equal([6, 6, 6], there.Scale(3).ToArray());
        using (Backend.Use(device)) Assert.Same(Device.Host, here.Relu().Device);
        string message = Assert.Throws<InvalidOperationException>(() => here.Add(there)).Message;
        Assert.Contains($"Add: operands lie on {device.Device.Name}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_profile_and_a_count_see_every_call_of_a_device_or_of_the_host()
    {
        CheckingDevice device = new();
        ProfilingBackend profile = new(device);
        using IDisposable _ = Backend.Use(profile);
        using TensorScope scope = new();
        Tensor.Full(new Shape(2, 3), 1).Linear(Tensor.Full(new Shape(4, 3), 1)).Relu();
        Assert.Equal(["Activate 1", "Fill 2", "Linear 1"], profile.Costs.Select(cost => $"{cost.Call} {cost.Calls}").Order());
        Assert.Equal(2.0 * 2 * 3 * 4, profile.Flops);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Every_method_learns_on_a_device_what_it_learns_on_the_host(string deviceName, Tuning tuning)
    {
        float[][] expected = Gradients(tuning, TinyVit.Loss, static () => TinyVit.Create());
        TestDevice device = TestDevice.Of(deviceName);
        using (device.Use())
        {
            Compare(expected, Gradients(tuning, TinyVit.Loss, static () => TinyVit.Create()));
            Assert.Equal(0, device.LiveBlocks);
        }
    }

    [Theory]
    [InlineData(CpuBackends.Checking, false)]
    [InlineData(CpuBackends.Checking, true)]
    [InlineData(CpuBackends.Cuda, false)]
    [InlineData(CpuBackends.Cuda, true)]
    public void Windows_and_clips_run_there_too(string deviceName, bool video)
    {
        float[][] expected = Run();
        TestDevice device = TestDevice.Of(deviceName);
        using (device.Use())
        {
            Compare(expected, Run());
            Assert.Equal(0, device.LiveBlocks);
        }

        float[][] Run() => Gradients(new FullTuning(), (model, tape) => TinySwin.Loss(model, tape), () => TinySwin.Create(video ? TinySwin.Video : null));
    }

    [Theory]
    [MemberData(nameof(CpuBackends.Devices), MemberType = typeof(CpuBackends))]
    public void A_training_run_ends_as_on_the_host(string deviceName)
    {
        using TinyTask task = new();
        string[] overrides = ["epochs=2", "workers=1", "ema_decay=0.9", "clip_norm=0.5", "mix.mixup=0.2", "optimizer={\"name\": \"adamw\", \"lr\": 0.01}"];
        Recipe recipe = Recipe.Load(task.Recipe, overrides);
        TrainingSummary expected = TrainingRun.Execute(recipe, task["host"], ExistingRun.Refuse, static _ => { });
        TestDevice device = TestDevice.Of(deviceName);
        using (device.Use())
        {
            TrainingSummary summary = TrainingRun.Execute(recipe, task["device"], ExistingRun.Refuse, static _ => { });
            Assert.Equal(expected.TestLoss!.Value, summary.TestLoss!.Value, 1e-3);
            Assert.Equal(expected.TestTop1, summary.TestTop1);
            Assert.Equal(0, device.LiveBlocks);
        }
    }

    private static float[][] Gradients(Tuning tuning, Func<Backbone, Tape, Tensor> loss, Func<Backbone> create)
    {
        using Backbone model = create();
        tuning.Attach(model, 5, new Rng(3));
        foreach ((_, Parameter parameter) in model.TrainableParameters())
        {
            Rng rng = new(parameter.Length);
            parameter.Assign([.. parameter.ToArray().Select(value => value + (0.1f * (float)rng.NextUniform(-1, 1)))]);      // a fresh method's gradients are half zeros
        }

        using TensorScope scope = new();
        using Tape tape = new(new Rng(7));
        Tensor result = loss(model, tape);
        tape.Backward(result);
        return [result.ToArray(), .. model.TrainableParameters().OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => entry.Value.Grad!.ToArray())];
    }

    private static void Compare(float[][] expected, float[][] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) ParityCase.AssertClose($"result {i}", expected[i], actual[i], 1e-3);      // the host keeps GELU's slope in 16 bits
    }
}
