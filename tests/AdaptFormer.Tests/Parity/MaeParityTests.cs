using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Mae;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Every golden file of MAE's pre-training: mask, latent, guessed pixels, loss and gradients, with given noise.</summary>
public sealed class MaeParityTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string backend in new[] { CpuBackends.Managed, CpuBackends.OneDnnName })
            {
                foreach (var row in ParityCase.Files(ParitySuites.MaePretraining)) cases.Add(row.Data, backend);
            }

            return cases;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Masking_reconstruction_loss_and_gradients_equal_the_original(string file, string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        ParityCase golden = ParityCase.Open(file);
        double rtol = golden.Config.GetProperty("rtol").GetDouble();
        using MaskedAutoencoder model = Build(golden);
        Tensor pixels = Tensor.From(golden.Floats("input/x"), new Shape(golden.Shape("input/x")));
        TokenMask mask = TokenMask.FromNoise(golden.Floats("input/noise"), golden.Shape("input/noise")[1], golden.Config.GetProperty("model").GetProperty("mask_ratio").GetDouble());

        Assert.Equal(golden.Ints("out/ids_restore"), mask.Places);
        Assert.Equal(golden.Floats("out/mask"), mask.Places.Select(place => place < mask.KeptPatches ? 0f : 1));
        ParityCase.AssertClose("latent", golden.Floats("out/latent"), model.Latent(pixels, mask).ToArray(), rtol);
        ParityCase.AssertClose("pred", golden.Floats("out/pred"), model.Reconstruct(pixels, mask).ToArray(), rtol);
        if (!model.Config.NormPixLoss) ParityCase.AssertClose("patchified", golden.Floats("out/patchified"), model.Targets(pixels).ToArray(), rtol);

        using Tape tape = new(new Rng(0));
        Tensor loss = model.Loss(tape.Watch(pixels), mask);
        ParityCase.AssertClose("loss", golden.Floats("out/loss"), loss.ToArray(), rtol);
        tape.Backward(loss);
        StateDict gradients = MaeNames.Export(model);
        Dictionary<string, Parameter> byTheirName = model.State().Select(entry => entry.Value.Tensor).Zip(gradients.Weights.Keys, (tensor, name) => (name, tensor)).ToDictionary(entry => entry.name, entry => entry.tensor);
        string[] expected = [.. golden.Names.Where(name => name.StartsWith("grad/", StringComparison.Ordinal))];
        Assert.NotEmpty(expected);
        foreach (string name in expected) ParityCase.AssertClose(name, golden.Floats(name), byTheirName[name[5..]].Grad!.ToArray(), rtol);
        Assert.Null(byTheirName["pos_embed"].Grad);
        Assert.Null(byTheirName["decoder_pos_embed"].Grad);
    }

    private static MaskedAutoencoder Build(ParityCase golden)
    {
        JsonElement m = golden.Config.GetProperty("model");
        int Int(string key) => m.GetProperty(key).GetInt32();
        VitConfig encoder = new(Int("img_size"), Int("img_size"), Int("patch_size"), Int("embed_dim"), Int("depth"), Int("num_heads"), m.GetProperty("mlp_ratio").GetDouble(), NormEps: m.GetProperty("norm_eps").GetSingle());
        MaskedAutoencoder model = new("mae", new MaeConfig(encoder, Int("decoder_embed_dim"), Int("decoder_depth"), Int("decoder_num_heads"), m.GetProperty("norm_pix_loss").GetBoolean()));
        StateDict theirs = new();
        foreach (string name in golden.Names.Where(name => name.StartsWith("param/", StringComparison.Ordinal)))
            theirs.Add(name[6..], new StateDict.Weight(new Shape(golden.Shape(name)), destination => golden.Floats(name).CopyTo(destination)));
        MaeNames.Load(model, theirs, golden.Config.GetProperty("case").GetString()!);
        model.UnfreezeAll();
        return model;
    }
}
