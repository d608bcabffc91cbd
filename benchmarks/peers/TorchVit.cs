using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AdaptFormer.Peers;

/// <summary>
/// A plain vision transformer in LibTorch, with AdaptFormer, linear probing or full tuning: the work that ours is measured against, so it
/// must compute the same (<see cref="TorchCheck"/>). Parameters have timm's names; those that train are f32, as an optimizer needs them.
/// </summary>
internal sealed class TorchVit : IDisposable
{
    private const double NormEps = 1e-6;
    private readonly VitSize _size;
    private readonly TorchSetting _setting;
    private readonly double _scale, _dropout;
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _trained = new(StringComparer.Ordinal);

    /// <summary>A model of random numbers.</summary>
    /// <param name="size">Its sizes.</param>
    /// <param name="method">adaptformer, linear or full.</param>
    /// <param name="setting">Types and attention.</param>
    /// <param name="bottleneck">Of the adapters.</param>
    /// <param name="scale">Of the adapters.</param>
    /// <param name="dropout">Of the adapters, in training.</param>
    public TorchVit(VitSize size, string method, TorchSetting setting, int bottleneck = 64, double scale = 0.1, double dropout = 0.1)
    {
        (_size, _setting, _scale, _dropout, Adapted) = (size, setting, scale, dropout, method == "adaptformer");
        int c = size.Dim, side = size.ImageSize / size.Patch;
        bool all = method == "full";
        Add("cls_token", all, 0, 0.02, 1, 1, c);
        Add("pos_embed", all, 0, 0.02, 1, (side * side) + 1, c);
        AddAffine("patch_embed.proj", all, c, 3, size.Patch, size.Patch);
        for (int i = 0; i < size.Depth; i++)
        {
            AddNorm($"blocks.{i}.norm1", all);
            AddAffine($"blocks.{i}.attn.qkv", all, 3 * c, c);
            AddAffine($"blocks.{i}.attn.proj", all, c, c);
            AddNorm($"blocks.{i}.norm2", all);
            AddAffine($"blocks.{i}.mlp.fc1", all, size.Hidden, c);
            AddAffine($"blocks.{i}.mlp.fc2", all, c, size.Hidden);
            if (!Adapted) continue;
            AddAffine($"blocks.{i}.adaptmlp.down_proj", true, bottleneck, c);
            AddAffine($"blocks.{i}.adaptmlp.up_proj", true, c, bottleneck);
        }

        AddNorm("norm", all);
        AddAffine("head.1", true, size.Classes, c);
        (_tensors["head.0.running_mean"], _tensors["head.0.running_var"]) = (zeros(c), ones(c));
    }

    /// <summary>Whether blocks have adapters.</summary>
    public bool Adapted { get; }

    /// <summary>What trains, by name.</summary>
    public IEnumerable<(string Name, Parameter Value)> Trained => _trained.Select(name => (name, (Parameter)_tensors[name]));

    /// <summary>Replaces the numbers of a parameter.</summary>
    public void Set(string name, Tensor value)
    {
        using IDisposable guard = no_grad();
        Tensor mine = _tensors[name];
        mine.copy_(value.reshape(mine.shape));
    }

    /// <summary>Pixels [B, 3, S, S] to logits [B, K].</summary>
    /// <param name="pixels">f32.</param>
    /// <param name="training">Whether dropout and the head's statistics are live.</param>
    public Tensor Forward(Tensor pixels, bool training)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = Patches(pixels.to(_setting.Compute));
        Tensor tokens = Linear("patch_embed.proj", patches).to(_setting.Stream);
        Tensor first = Held("cls_token").expand(pixels.shape[0], -1, -1);
        Tensor x = cat([first, tokens], 1) + Held("pos_embed");
        for (int i = 0; i < _size.Depth; i++) x = Block(i, x, training);
        Tensor feature = Norm("norm", x).select(1, 0).to(ScalarType.Float32);
        Tensor standard = nn.functional.batch_norm(
            feature, _tensors["head.0.running_mean"], _tensors["head.0.running_var"], training: training && pixels.shape[0] > 1,
            eps: NormEps);
        return nn.functional.linear(standard, _tensors["head.1.weight"], _tensors["head.1.bias"]).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in _tensors.Values) tensor.Dispose();
    }

    // A convolution whose steps are as long as its kernel is a product. As one it is right: with LibTorch 2.10's convolution in bf16 the
    // logits of the fixtures are 11 to 59 % off here, and 2 % with everything else in bf16.
    private Tensor Patches(Tensor pixels)
    {
        (long b, long side, long p) = (pixels.shape[0], _size.ImageSize / _size.Patch, _size.Patch);
        return pixels.view(b, 3, side, p, side, p).permute(0, 2, 4, 1, 3, 5).reshape(b, side * side, 3 * p * p);
    }

    private Tensor Block(int i, Tensor x, bool training)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor h = x + Attention($"blocks.{i}.attn", Norm($"blocks.{i}.norm1", x));
        Tensor y = h + Mlp($"blocks.{i}.mlp", Norm($"blocks.{i}.norm2", h));
        if (Adapted) y += Adapter($"blocks.{i}.adaptmlp", h, training);          // h is not normalised, as in the authors' code
        return y.MoveToOuterDisposeScope();
    }

    private Tensor Attention(string name, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        (long b, long n, long c) = (x.shape[0], x.shape[1], x.shape[2]);
        long d = c / _size.Heads;
        Tensor parts = Linear($"{name}.qkv", x).view(b, n, 3, _size.Heads, d).permute(2, 0, 3, 1, 4);
        (Tensor q, Tensor k, Tensor v) = (parts[0], parts[1], parts[2]);
        Tensor y = _setting.Fused
            ? nn.functional.scaled_dot_product_attention(q, k, v)
            : matmul(nn.functional.softmax(matmul(q, k.transpose(-2, -1)) * (1 / Math.Sqrt(d)), -1), v);
        return Linear($"{name}.proj", y.transpose(1, 2).reshape(b, n, c)).MoveToOuterDisposeScope();
    }

    private Tensor Mlp(string name, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = nn.functional.gelu(Linear($"{name}.fc1", x));
        return Linear($"{name}.fc2", hidden).MoveToOuterDisposeScope();
    }

    private Tensor Adapter(string name, Tensor x, bool training)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = nn.functional.dropout(nn.functional.relu(Linear($"{name}.down_proj", x)), _dropout, training);
        return (_scale * Linear($"{name}.up_proj", hidden)).MoveToOuterDisposeScope();
    }

    private Tensor Linear(string name, Tensor x) =>
        nn.functional.linear(x.to(_setting.Compute), Product($"{name}.weight"), Product($"{name}.bias"));

    private Tensor Norm(string name, Tensor x) =>
        nn.functional.layer_norm(x, [_size.Dim], Held($"{name}.weight"), Held($"{name}.bias"), NormEps);

    // What is frozen lies in its type already, and is not copied here. A kernel of the patches is a row of the matrix.
    private Tensor Product(string name)
    {
        Tensor held = _tensors[name].to(_setting.Compute);
        return held.dim() > 2 ? held.flatten(1) : held;
    }

    private Tensor Held(string name) => _tensors[name].to(_setting.Stream);

    private void AddAffine(string name, bool trained, params long[] shape)
    {
        Add($"{name}.weight", trained, 0, 0.04, shape);
        Add($"{name}.bias", trained, 0, 0.04, shape[0]);
    }

    private void AddNorm(string name, bool trained)
    {
        Add($"{name}.weight", trained, 1, 0.04, _size.Dim);
        Add($"{name}.bias", trained, 0, 0.04, _size.Dim);
    }

    private void Add(string name, bool trained, double center, double spread, params long[] shape)
    {
        using DisposeScope scope = NewDisposeScope();
        bool isStream = name is "cls_token" or "pos_embed" || name.Contains("norm", StringComparison.Ordinal);
        ScalarType type = trained ? ScalarType.Float32 : isStream ? _setting.Stream : _setting.Compute;
        Tensor value = (center + (spread * (rand(shape) - 0.5))).to(type);
        _tensors[name] = (trained ? new Parameter(value, requires_grad: true) : value).DetachFromDisposeScope();
        if (trained) _trained.Add(name);
    }
}
